"""What a federation is compared with: pooling everything, and training alone."""
