import os
from bluma import Bluma

env = os.getenv("ENVIRONMENT", "development")

config = {
    "development": {"api_key": os.getenv("BLUMA_TEST_KEY"), "timeout": 60},
    "production": {"api_key": os.getenv("BLUMA_LIVE_KEY"), "timeout": 30},
}

bluma = Bluma(**config[env])
