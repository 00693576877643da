const BLUMA_API_KEY = process.env.BLUMA_API_KEY;
async function generateVideo() {
  // Create video
  const createRes = await fetch('https://api.getbluma.com/api/v1/videos', {
    method: 'POST',
    headers: {
      'Authorization': `Bearer ${BLUMA_API_KEY}`,
      'Content-Type': 'application/json'
    },
    body: JSON.stringify({
      template_id: 'consumerclub-discord-zoomed',
      context: {
        prompt: 'Create a fun personality quiz about food'
      }
    })
  });
  const { id } = await createRes.json();
  console.log('Video queued:', id);
  // Poll for completion
  let status = 'queued';
  while (status !== 'completed' && status !== 'failed') {
    await new Promise(resolve => setTimeout(resolve, 5000)); // Wait 5s
    const statusRes = await fetch(`https://api.getbluma.com/api/v1/videos/${id}`, {
      headers: { 'Authorization': `Bearer ${BLUMA_API_KEY}` }
    });
    const data = await statusRes.json();
    status = data.status;
    console.log(`Status: ${status} (${data.progress}%)`);
  }
  if (status === 'completed') {
    // Get download URL
    const downloadRes = await fetch(
      `https://api.getbluma.com/api/v1/videos/${id}/download`,
      { headers: { 'Authorization': `Bearer ${BLUMA_API_KEY}` } }
    );
    const { download_url } = await downloadRes.json();
    console.log('Video ready:', download_url);
  }
}
generateVideo();
