"""Which assumptions an answer hangs on: designs, runs, noise-corrected indices and what they mean."""
