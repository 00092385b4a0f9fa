"""Programs that measure speed and cost, side by side in one run."""
