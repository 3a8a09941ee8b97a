# A Lambda base image whose functions find the host's services on their own loopback.
ARG BASE
FROM ${BASE}
COPY loopback.py /usr/local/bin/loopback
ENV AWS_LAMBDA_EXEC_WRAPPER=/usr/local/bin/loopback
