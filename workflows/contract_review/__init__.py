"""Contract review: a contract in, findings against a playbook and a redlined document out."""
