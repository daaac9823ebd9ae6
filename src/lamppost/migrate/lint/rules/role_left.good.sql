set local statement_timeout = '30s';
