curl -L \
  -H 'Authorization: Bearer YOUR_UMAMIAI_API_KEY'
  'https://api.umamiai.xyz/v1/luma-ai/generation?ids=text'
