balance = bluma.credits.get_balance()

print(balance.credits)  # 88
print(balance.tier)  # 'pro'
print(balance.monthly_allowance)  # 500
print(balance.reset_date)  # datetime object
