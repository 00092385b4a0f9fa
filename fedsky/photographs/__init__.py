"""The commands on photographs before any training: collect, curate, explore, partition, render, cache."""
