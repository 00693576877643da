curl -L \
  -X POST \
  -H 'Authorization: Bearer YOUR_UMAMIAI_API_KEY' \
  -H 'Content-Type: application/json' \
  'https://api.umamiai.xyz/v1/luma-ai/generations/{taskId}/extend' \
  -d '{"aspect_ratio":"16:9","expand_prompt":true,"image_end_url":"https://example.com/image-end.jpg","image_url":"https://example.com/main-image.jpg","user_prompt":"A beautiful sunset over the ocean"}'
