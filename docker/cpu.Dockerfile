# docker build -f docker/cpu.Dockerfile -t selfdistill .
# docker run --rm -v "$PWD:/work" --user "$(id -u):$(id -g)" selfdistill train --data photos/ …
# TORCH_INDEX names an index of CPU builds of torch; without it, pip's own index is used.
FROM python:3.11-slim

ARG TORCH_INDEX=""
COPY pyproject.toml constraints.txt README.md /source/
COPY src /source/src
RUN pip install --no-cache-dir -c /source/constraints.txt \
        ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} /source \
    && rm -r /source
RUN useradd --create-home --uid 1000 selfdistill && install -d -o selfdistill /work /cache
USER selfdistill
ENV SELFDISTILL_CACHE=/cache HOME=/tmp
WORKDIR /work
ENTRYPOINT ["selfdistill"]
CMD ["--help"]
