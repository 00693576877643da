"""The Luma family's three APIs, as far as is known of them, with their quirks."""
