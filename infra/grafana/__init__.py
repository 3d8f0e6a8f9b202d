"""Grafana dashboards of the control plane's numbers, as code: `python infra/grafana` writes dashboards/.

| file | idea |
|---|---|
| `settings` | what the dashboards hold of the configuration: objectives and prices |
| `queries` | what is asked of each data source, as its plugin reads it |
| `parts` | variables, links, tables and charts, whichever data source they ask |
| `clickhouse` | the dashboards over the control plane's tables; their SQL is infra/clickhouse |
| `cloudwatch` | the dashboards over CloudWatch and X-Ray |
"""
