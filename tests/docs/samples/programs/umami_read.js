const response = await fetch('https://api.umamiai.xyz/v1/luma-ai/generation?ids=text', {
  method: 'GET',
  headers: {"Authorization": "Bearer YOUR_UMAMIAI_API_KEY"},
});
const data = await response.json();
