"""The site's API: one module for each part of it, each with a blueprint."""
