"""The vocabulary: quantities, quality, units, device models. One public module a domain."""
