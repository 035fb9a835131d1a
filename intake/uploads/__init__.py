"""Files that come in pieces and may be broken off: tus 1.0 (https://tus.io/protocols)."""
