history = bluma.credits.get_history(limit=50, offset=0)

for txn in history.transactions:
    print(txn.type)  # 'deduction' | 'purchase'
    print(txn.amount)  # -6 or +100
    print(txn.description)  # 'Video generation: batch_xyz789'
    print(txn.created_at)  # datetime object

print(f"Total transactions: {history.total}")
