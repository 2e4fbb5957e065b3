"""Rule packs (<domain>.yaml) and the pure engine that judges them."""
