"""Several references side by side, on the Hierarchy page: taxonomies that know the classes, and a matrix that is brought."""

from __future__ import annotations

import streamlit as st

from app.common.run_cache import taxonomy_digest
from app.common.widgets import downloads, show_error
from app.common.wording import listed, plain
from app.tree.stats import TreeKey
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.errors import LwalError
from lwal_core.export.tables import table_csv
from lwal_core.glossary import explained
from lwal_core.results.references import COLUMNS, ReferenceRow, answer, knowing, reference_rows
from lwal_core.runs import open_run
from lwal_core.security.permissions import check_upload
from lwal_core.settings import settings
from lwal_core.taxonomy import Taxonomy
from lwal_core.taxonomy.reference_matrix import ENDINGS, KINDS, MAX_BYTES, MatrixKind, ReferenceMatrix, parse_matrix

KIND_TITLES: dict[str, MatrixKind | None] = {
    "As the diagonal says": None,
    **{kind.capitalize(): kind for kind in KINDS},
}
_HELP = (
    "A table (CSV, TSV) with the class names in its first row and first column, or an .npz with names and matrix, [n, n] or of several "
    "repeats [repeats, n, n]: distances, similarities that people gave, or the confusions of another model. It is read and not kept."
)


def draw_references(key: TreeKey, h: Hierarchy) -> None:
    """Draw how the tree's distances agree with every reference that knows its classes, and with a matrix.

    Args:
        key: What the tree is made of.
        h: The tree.
    """
    with st.container(horizontal=True, vertical_alignment="bottom"):
        upload = st.file_uploader(
            "A matrix of the classes", list(ENDINGS), key="reference_matrix", help=_HELP,
            max_upload_size=min(MAX_BYTES // 2**20, settings().max_upload_mb),
        )  # fmt: skip
        kind = st.selectbox(
            "Its numbers are", list(KIND_TITLES), key="reference_kind", width=220,
            help="Distance: the larger the less alike. Similarity: the larger the more alike. Confusion: counts, true classes in rows.",
        )  # fmt: skip
    rows = [
        _row(key, taxonomy_digest(taxonomy), _h=h, _taxonomy=taxonomy) for taxonomy in knowing(open_run(key.spec.run))
    ]
    if upload is not None:
        try:
            check_upload(upload.size)
            matrix = _read(upload.getvalue(), upload.name, KIND_TITLES[kind or "As the diagonal says"])
            rows += reference_rows(h.names, h.square(), [matrix])
            kept = matrix.kept(h.names)
            lacking = [name for i, name in enumerate(h.names) if i not in kept]
            if lacking:
                st.caption(f"Not in the matrix and left out: {listed(lacking, 8)}.")
        except LwalError as error:
            show_error(error)
    if not rows:
        st.markdown("No taxonomy knows three of these classes. Bring a matrix of them, or a taxonomy of your own.")
        return
    st.markdown(plain(answer(rows)))
    cells = [row.cells() for row in rows]
    st.dataframe(
        {column: [row[at] for row in cells] for at, column in enumerate(COLUMNS)},
        hide_index=True,
        alt="Agreement of the distances with each reference",
    )
    st.caption(
        "Correlations over all pairs of classes, 1 the same order and 0 unrelated; tau by class is the mean over the classes. p: how often "
        "shuffled classes agree as well. Where a reference was measured several times, agreement is the mean over the repeats.",
        help=explained("CPCC", "Noise ceiling"),
    )
    downloads(
        "Download",
        [("This table (CSV)", "references.csv", "text/csv", lambda: table_csv(list(COLUMNS), cells).encode())],
        key="references_download",
    )


@st.cache_data(max_entries=300, show_spinner="Comparing with the references")
def _row(key: TreeKey, digest: str, *, _h: Hierarchy, _taxonomy: Taxonomy) -> ReferenceRow:
    (row,) = reference_rows(_h.names, _h.square(), [_taxonomy])
    return row


@st.cache_resource(max_entries=8, show_spinner="Reading the file")
def _read(data: bytes, file_name: str, kind: MatrixKind | None) -> ReferenceMatrix:
    return parse_matrix(data, file_name, kind)
