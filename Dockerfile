# LwAL Explorer, app and worker in one image.
#   docker build -t lwal-explorer .
#   docker build -t lwal-explorer:cuda --build-arg TORCH_INDEX_URL=https://download.pytorch.org/whl/cu126 .
# The wheel index decides between processor and GPU; take the CUDA version that the host's driver supports.
ARG BASE_IMAGE=python:3.11-slim-bookworm

# --- everything that is installed, in a folder of its own: compilers and caches stay behind --------------------------
# hadolint ignore=DL3006
FROM ${BASE_IMAGE} AS packages
ARG TORCH_INDEX_URL=https://download.pytorch.org/whl/cpu
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
COPY requirements.txt requirements-dev.txt ./
# PyTorch first and from its index alone: with two indexes pip takes the newer wheel of either.
RUN python3 -m venv /opt/venv \
    && grep -E '^torch(vision)?==' requirements.txt > torch.txt \
    && /opt/venv/bin/pip install --quiet --index-url "${TORCH_INDEX_URL}" -r torch.txt
# The clients of a queue on Redis or PostgreSQL, and what the sign-in needs, are pinned with the checks.
RUN grep -E '^(redis|psycopg[a-z-]*|Authlib|joserfc|cryptography|cffi|pycparser|httpx|httpcore)==' requirements-dev.txt > extras.txt \
    && /opt/venv/bin/pip install --quiet -r requirements.txt -r extras.txt \
    && printf '#!/opt/venv/bin/python\nfrom lwal_core.cli.main import main\n\nmain()\n' > /opt/venv/bin/lwal \
    && chmod 755 /opt/venv/bin/lwal

# --- what runs ---------------------------------------------------------------------------------------------------------
# hadolint ignore=DL3006
FROM ${BASE_IMAGE} AS app
LABEL org.opencontainers.image.title="LwAL Explorer" \
      org.opencontainers.image.description="Train classifiers with learned label representations and explore what their labels came to mean." \
      org.opencontainers.image.licenses="MIT"
# tini passes signals on and reaps the children of trainings that end; HAProxy is for LWAL_PROCESSES above 1.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends haproxy tini \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 1000 lwal \
    && useradd --uid 1000 --gid 1000 --home-dir /data/home --no-create-home --shell /usr/sbin/nologin lwal \
    && install --directory --owner=lwal --group=lwal /app \
    && install --directory --owner=lwal --group=lwal --mode=0700 /data
COPY --from=packages /opt/venv /opt/venv
# The root may be read-only: whatever is written goes to the volume /data or to /tmp.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    LWAL_HOME=/data \
    HOME=/data/home \
    TORCH_HOME=/data/torch \
    NUMBA_CACHE_DIR=/data/cache/numba \
    MPLCONFIGDIR=/tmp/matplotlib \
    XDG_CACHE_HOME=/tmp/cache \
    LWAL_PORT=8501 \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
WORKDIR /app
COPY .streamlit ./.streamlit
COPY lwal_core ./lwal_core
COPY app ./app
COPY pages ./pages
COPY examples ./examples
COPY LICENSE NOTICE pyproject.toml ./
RUN python -m compileall -q lwal_core app pages
USER 1000:1000
VOLUME /data
EXPOSE 8501
STOPSIGNAL SIGTERM
# The first start imports PyTorch to examine the device; later checks answer in milliseconds.
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=4 \
    CMD ["python", "-c", "import os, urllib.request as u; base = os.environ.get('STREAMLIT_SERVER_BASE_URL_PATH', '').strip('/'); u.urlopen(f\"http://127.0.0.1:{os.environ['LWAL_PORT']}/{base + '/' if base else ''}_stcore/health\", timeout=4)"]
ENTRYPOINT ["tini", "--"]
CMD ["lwal", "serve", "--address", "0.0.0.0"]
