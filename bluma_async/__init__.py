"""The Bluma SDK, async: everything that has behaviour lives here."""
