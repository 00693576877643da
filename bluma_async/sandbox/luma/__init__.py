"""The APIs of the Luma providers, one module each, with the irregularities that are known of them."""
