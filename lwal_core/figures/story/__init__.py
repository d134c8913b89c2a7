"""The first story: a class tree that grows once, beside the taxonomy with what was found in it, as HTML without scripts."""

from lwal_core.figures.story.groups import StoryGroup, story_groups
from lwal_core.figures.story.page import story_page
from lwal_core.figures.story.tree import growing_tree

__all__ = ["StoryGroup", "growing_tree", "story_groups", "story_page"]
