bluma.variants.delete("rick-morty-explainer", "var_xyz789")
