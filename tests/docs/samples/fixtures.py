import pytest
from bluma import Bluma


@pytest.fixture
def bluma_client():
    return Bluma(api_key=os.getenv("BLUMA_TEST_KEY"))


def test_list_templates(bluma_client):
    templates = bluma_client.templates.list()

    assert len(templates) > 0
    assert all(hasattr(t, "id") for t in templates)
