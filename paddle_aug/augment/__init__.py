"""Changing one image: operations, random transforms over them, policies by name."""
