# docker build -f docker/cuda.Dockerfile -t selfdistill:cuda .
# docker run --rm --gpus all -v "$PWD:/work" --user "$(id -u):$(id -g)" selfdistill:cuda train …
# PyTorch's wheels for Linux bring their CUDA libraries; the host needs only the driver and NVIDIA's
# container toolkit.
FROM python:3.11-slim

COPY pyproject.toml constraints.txt README.md /source/
COPY src /source/src
RUN pip install --no-cache-dir -c /source/constraints.txt /source && rm -r /source
RUN useradd --create-home --uid 1000 selfdistill && install -d -o selfdistill /work /cache
USER selfdistill
ENV SELFDISTILL_CACHE=/cache HOME=/tmp NVIDIA_VISIBLE_DEVICES=all
WORKDIR /work
ENTRYPOINT ["selfdistill"]
CMD ["--help"]
