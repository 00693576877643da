import requests

# 1. Get presigned upload URL
upload_response = bluma.assets.upload(
    file_name="product.jpg",
    file_type="image/jpeg",
    collection_ids=["coll_abc123"],  # Optional
)

print(upload_response.asset_id)  # 'asset_abc123'
print(upload_response.cdn_url)  # Final CDN URL

# 2. Upload file to presigned URL
with open("product.jpg", "rb") as f:
    requests.put(upload_response.upload_url, data=f)

print("Upload complete!")
