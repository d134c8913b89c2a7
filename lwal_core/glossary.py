"""Glossary: terms of the field, each defined once, for help texts and ``docs/glossary.md``.

``python -m lwal_core.glossary > docs/glossary.md`` writes the page; a test holds it against what is here.
"""

from __future__ import annotations

from typing import NamedTuple

from lwal_core.errors import LwalError

PAPER = "X. Yu, N. Verma, arXiv:2209.04528"


class Term(NamedTuple):
    """One word: what it means in one or two plain sentences, and who says so or where it is explained at length."""

    meaning: str
    source: str


_EFRON = "B. Efron, R. Tibshirani, An Introduction to the Bootstrap, 1993, ch. 13"
_DENDEXTEND = "T. Galili, dendextend, Bioinformatics 31, 2015"

GLOSSARY: dict[str, Term] = {
    "As used": Term(
        "Each method predicts by the rule it is used with: one-hot, smoothed, retrospective and embedded labels by the largest "
        "output, learned and static labels by the nearest class mean, learned labels beside a head by the product of both.",
        "docs/science.md",
    ),
    "Baker's gamma": Term(
        "Rank correlation of two trees: do both join the pairs of classes in the same order, whatever the heights? 1 is "
        "the same order, 0 unrelated.",
        "F. Baker, JASA 69, 1974",
    ),
    "Balanced accuracy": Term(
        "Mean of the accuracies of the classes: a class with few test samples counts as much as one with many.",
        "docs/science.md",
    ),
    "Bootstrap interval": Term(
        "A range in which a mean would fall in 95 % of repetitions, found by drawing the seeds again with replacement. "
        "With few seeds it is too narrow, so the wider of it and Student's interval is shown.",
        _EFRON,
    ),
    "Calibration error": Term(
        "Test samples are sorted into 15 intervals by the probability that the method gives the class it takes them for; in each, the "
        "share that is right should be that probability. The error is the mean of the differences, weighted by samples.",
        "C. Guo et al., arXiv:1706.04599",
    ),
    "Censored": Term(
        "Said of a run that ended before it reached the target: it counts as later than its last epoch, neither as that "
        "epoch nor as never.",
        "E. Kaplan, P. Meier, JASA 53, 1958",
    ),
    "Clade": Term(
        "A merge of the tree with everything below it: a set of classes that are joined with each other before they "
        "are joined with any other class.",
        "docs/hierarchy.md",
    ),
    "Class mean": Term(
        "The mean embedding of a class's training samples in evaluation mode, over a sample of each class. Also called "
        "consolidated label.",
        "docs/science.md",
    ),
    "Class-distance normalised variance": Term(
        "Half the sum of the variances of two classes over the squared distance of their means, mean over all pairs of "
        "classes: 0 where every sample lies on the mean of its class.",
        "T. Galanti et al., arXiv:2112.15121",
    ),
    "Confusion matrix": Term(
        "How many test samples of each class are taken for each. As distances of a class tree: 1 less the share of the samples "
        "of two classes that are taken for the other, the mean of both directions.",
        "docs/hierarchy.md",
    ),
    "Contrast": Term(
        "A loss that compares cosines: what belongs together is to be nearer than everything else in the batch. The temperature that "
        "cosines are divided by says how much nearer.",
        "docs/methods.md",
    ),
    "Cophenetic correlation": Term(
        "The cophenetic distance of two classes is the height at which the tree joins them. Its correlation with their "
        "distances says how faithful the tree is, and with another tree's how alike the two are; 1 is best.",
        "R. Sokal, F. Rohlf, Taxon 11, 1962",
    ),
    "CPCC": Term(
        "Correlation of the path lengths between classes in a reference with their distances here, over all pairs: 1 "
        "where they are proportional, 0 unrelated. Kendall's tau looks at the order alone.",
        "S. Zeng et al., ICLR 2023",
    ),
    "Disparity": Term(
        "What is left between the projections of two epochs after the one is moved and turned to lie on the other; 0 is the "
        "same shape and size.",
        "P. Schönemann, Psychometrika 31, 1966",
    ),
    "Embedding": Term(
        "The vector that the network makes of a sample, and by whose nearness to the labels it predicts.",
        PAPER,
    ),
    "Entanglement": Term(
        "How crossed the lines between two facing trees are: 0 when all are level, 1 when one side is the mirror image "
        "of the other.",
        _DENDEXTEND,
    ),
    "Epoch": Term(
        "One pass through the training set. Epoch 0 is the untrained network.",
        "docs/run-folder.md",
    ),
    "Equiangular frame": Term(
        "Vectors that are all equally far apart, and as far as so many can be: the cosine between any two of C is -1/(C - 1). Training "
        "with one-hot labels drives class means there.",
        "V. Papyan et al., PNAS 117, 2020",
    ),
    "Feature mean": Term(
        "Mean of the features of the samples of a class: of what the last layer of the network is given, before it makes the "
        "outputs. Networks with one encoder have as many features, whatever the width of their outputs, so these can be held "
        "side by side.",
        "docs/run-folder.md",
    ),
    "Hierarchical distance at k": Term(
        "Mean number of levels up to the lowest group of a tree that holds the true class and each of the k likeliest "
        "ones, over all test samples. At k = 1 it is what the decisions cost.",
        "L. Bertinetto et al., CVPR 2020",
    ),
    "Kendall's tau": Term(
        "Agreement of two orders, from −1 (reversed) over 0 (unrelated) to 1 (the same); tau-b, which allows for ties. "
        "Here: of a class's distances to the others with its hops to them in a taxonomy.",
        "M. Kendall, Biometrika 33, 1945",
    ),
    "Label": Term(
        "The vector that stands for a class while the classifier trains. A one-hot label is fixed and equally far from "
        "every other; a learned label moves with the samples of its class.",
        PAPER,
    ),
    "Label table": Term(
        "The labels of all classes as the last training step left them, one row per class. One-hot's never changes.",
        "docs/science.md",
    ),
    "Least expected cost": Term(
        "A way to decide without any training: of all classes that one whose mistakes would cost least, each possible "
        "true class weighted by its probability. A tree says what a mistake costs.",
        "S. Karthik et al., arXiv:2104.00795",
    ),
    "Level": Term(
        "A depth in a taxonomy: on it, a class counts as the group that it belongs to there. A class that lies less "
        "deep stands for itself; the deepest level is the classes.",
        "docs/curves.md",
    ),
    "Linear CKA": Term(
        "How alike two networks place the same samples: the products of samples in one, correlated with those in the "
        "other. 1 where they are equal up to rotation and scale.",
        "S. Kornblith et al., arXiv:1905.00414",
    ),
    "Linkage": Term(
        "The rule for how far apart two groups are, by which a tree is built from the bottom up: by their nearest "
        "classes (single), their farthest (complete), all pairs (average, weighted), or by how much joining them spreads "
        "them (ward).",
        "docs/hierarchy.md",
    ),
    "LwAL": Term(
        "Learning with adaptive labels: at every update the label of a class becomes the mean of its samples' "
        "embeddings in the batch. LwAL's labels have as many dimensions as there are classes, LwAL10's ten times as many.",
        PAPER,
    ),
    "Macro F1": Term(
        "For each class the harmonic mean of precision and recall, then the mean over the classes.",
        "docs/science.md",
    ),
    "Mistake severity": Term(
        "Mean number of levels up to the lowest group of a tree that holds the true and the predicted class, over the "
        "mistakes alone. A method that makes many harmless mistakes has a low one: read the accuracy beside it.",
        "L. Bertinetto et al., CVPR 2020",
    ),
    "NC1": Term(
        "Covariance within the classes times the pseudo-inverse of the covariance between them, the trace of it divided "
        "by the number of classes: 0 where every sample lies on the mean of its class.",
        "V. Papyan et al., arXiv:2008.08186",
    ),
    "NC2": Term(
        "How far the products of the centred class means are from those of a regular simplex, where all means are "
        "equally long and equally far from each other: 0 there.",
        "Z. Zhu et al., arXiv:2105.02375",
    ),
    "NC3": Term(
        "Distance between the labels, or the weights of the head, and the class means, each centred and divided by its "
        "size: 0 where they point to the same places.",
        "V. Papyan et al., arXiv:2008.08186",
    ),
    "NC4": Term(
        "Share of the test samples for which the method's own rule and the nearest class mean say different classes.",
        "V. Papyan et al., arXiv:2008.08186",
    ),
    "Nearest class mean": Term(
        "Predicts the class whose mean is nearest to a sample's embedding: one rule for every method, so that a "
        "difference between two methods is one between their embeddings.",
        "docs/science.md",
    ),
    "Neighbour overlap": Term(
        "Share of the ten nearest neighbours of a sample in one network that are so in the other, mean over the samples.",
        "M. Klabunde et al., arXiv:2305.06329",
    ),
    "Noise ceiling": Term(
        "What agreement with a reference can be expected at most, where the reference was measured several times: how "
        "well one repeat agrees with the others, and with the mean of all.",
        "H. Nili et al., PLoS Comput. Biol. 10, 2014",
    ),
    "Order of the first classes": Term(
        "Whether classes that lie near the true one in a tree stand before far ones among the likeliest: discounted gain, "
        "1 for the best order.",
        "K. Järvelin, J. Kekäläinen, TOIS 20, 2002",
    ),
    "Own predictor": Term(
        "Each method's own rule: one-hot's largest logit, LwAL's nearest label as its last batch left it, the hybrid's product of "
        "head and class means.",
        "docs/science.md",
    ),
    "Precision": Term(
        "Of the test samples that are taken for a class, the share that is of it.",
        "docs/science.md",
    ),
    "Procrustes distance": Term(
        "What is left between the samples of two networks after the best rotation, both centred and of length 1: 0 the "
        "same, 1.41 nothing in common.",
        "F. Ding et al., arXiv:2108.01661",
    ),
    "Pull loss": Term(
        "Pulls each sample towards the label of its class: cross-entropy over the distances to all labels.",
        PAPER,
    ),
    "Push loss": Term(
        "Pushes samples of different classes apart in angle: the mean cosine of such pairs in a batch. It works on the "
        "steps that update the labels.",
        PAPER,
    ),
    "Recall": Term(
        "Of the test samples of a class, the share that is taken for it: the accuracy of the class.",
        "docs/science.md",
    ),
    "Robinson–Foulds distance": Term(
        "The share of the clades of two trees that only one of them has: 0 is the same tree, 1 nothing in common.",
        "D. Robinson, L. Foulds, Mathematical Biosciences 53, 1981",
    ),
    "Roughness": Term(
        "How jerkily classes move through the epochs of a film: 0 for even drift in one direction, about 1.4 for a "
        "random walk, 1.7 for points thrown anew.",
        "docs/embeddings.md",
    ),
    "Seed": Term(
        "The number from which all chance in a training comes. Runs that differ in nothing but their seed show how much "
        "of a result is chance.",
        "docs/experiments.md",
    ),
    "Specificity": Term(
        "How much a decision for a group of classes still says: 1 for a class, 0 for all of them, else 1 less the "
        "logarithm of the group's size over that of all.",
        "J. Deng et al., CVPR 2012",
    ),
    "Spread of the cosines": Term(
        "Standard deviation of the cosines between the centred means of every two classes: 0 where all angles are "
        "equal.",
        "V. Papyan et al., arXiv:2008.08186",
    ),
    "Stationary step": Term(
        "A training step on which the labels stand still: they are updated every so many steps, and in between only the "
        "pull loss is at work. At 1, the paper's value, they are updated on every step.",
        PAPER,
    ),
    "Step": Term(
        "One batch of training samples, after which the weights change. An epoch has many.",
        "docs/run-folder.md",
    ),
    "Support": Term(
        "In how many of the other seeds' trees a clade is there, too, in percent. A clade of chance has little.",
        "docs/hierarchy.md",
    ),
    "Tanglegram": Term(
        "Two trees of the same classes face to face, with a line between the two places of each class.",
        _DENDEXTEND,
    ),
    "Taxonomy": Term(
        "A hierarchy of the classes that people made, such as WordNet's: what the learned tree is held against.",
        "docs/hierarchy.md",
    ),
    "Top-5 accuracy": Term(
        "The share of test samples whose own class is among the five that the method gives the highest scores.",
        "docs/science.md",
    ),
    "Transfer support": Term(
        "How nearly the other seeds' trees have a clade: 100 % where they have it, less for each class that would have to "
        "change sides, 0 % where chance is as near. One class that strays hardly lowers a large clade. From 70 % on it is "
        "no chance.",
        "F. Lemoine et al., Nature 556, 2018",
    ),
    "Validation part": Term(
        "Training samples that are set apart. The best epoch and patience go by the accuracy on them, so that the test set is "
        "looked at for the report alone.",
        "docs/science.md",
    ),
    "Warm-up step": Term(
        "A training step before the first update of the labels, so that they are not made from an untrained network.",
        PAPER,
    ),
}
"""Term by name, sorted as a reader looks it up."""


def explained(*names: str) -> str:
    """Some terms in Markdown, one a paragraph, for the help beside what uses them.

    Args:
        names: Keys of :data:`GLOSSARY`.

    Raises:
        LwalError: A term is not there.
    """
    unknown = [name for name in names if name not in GLOSSARY]
    if unknown:
        raise LwalError(f"The glossary has no entry “{unknown[0]}”.", f"It has: {', '.join(GLOSSARY)}.")
    return "\n\n".join(f"**{name}**: {GLOSSARY[name].meaning}" for name in names)


def glossary_markdown() -> str:
    """The glossary as the page ``docs/glossary.md``."""
    rows = [f"| **{name}** | {term.meaning} | {_linked(term.source)} |" for name, term in GLOSSARY.items()]
    head = [
        "# Glossary",
        "",
        "The words on the pages, each as this project uses it. In the app they are explained where they first appear: on",
        "the question mark beside them, by mouse or by keyboard.",
        "",
        "| word | meaning | source |",
        "|---|---|---|",
    ]
    return "\n".join([*head, *rows, ""])


def _linked(source: str) -> str:
    if source == PAPER:
        return f"[{source}](https://arxiv.org/abs/2209.04528)"
    return f"[{name}]({name})" if (name := source.removeprefix("docs/")) != source else source


if __name__ == "__main__":
    print(glossary_markdown(), end="")
