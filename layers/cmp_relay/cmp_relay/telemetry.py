"""The one logger and the one set of metrics of a function; constant messages, facts as keys.

Never a body, a header, a token, a secret or the query of a URL (design.md rule 9).
"""

from aws_lambda_powertools import Logger, Metrics

logger = Logger()
metrics = Metrics()
