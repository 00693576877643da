fetch('https://api.gpt.ge/luma/generations', {
  method: 'POST',
  headers: {
    'Content-Type': 'application/json',
    'Authorization': 'Bearer YOUR_TOKEN'
  },
  body: JSON.stringify({
    user_prompt: 'cat dance',
    expand_prompt: true,
    image_url: 'https://example.com/reference.png',
    image_end_url: 'https://example.com/keyframe.png',
    notify_hook: 'https://example.com/hook',
    loop: true,
    aspect_ratio: '16:9'
  })
})
  .then(res => res.json())
  .then(console.log)
