const response = await fetch('https://api.umamiai.xyz/v1/luma-ai/generations/{taskId}/extend', {
  method: 'POST',
  headers: {
    "Content-Type": "application/json",
    "Authorization": "Bearer YOUR_UMAMIAI_API_KEY"
  },
  body: JSON.stringify({
    "aspect_ratio": "16:9",
    "expand_prompt": true,
    "image_end_url": "https://example.com/image-end.jpg",
    "image_url": "https://example.com/main-image.jpg",
    "user_prompt": "A beautiful sunset over the ocean"
  }),
});
const data = await response.json();
