"""Contract review: a contract in, findings against a playbook and a redlined document out."""

DESCRIPTION = "Reviews a contract against a playbook: findings with quotes, amendments, and a redlined document."
