"""Pure functions on arrays that read meaning out of label vectors: projection, hierarchy, agreement of trees, speed, confusion."""
