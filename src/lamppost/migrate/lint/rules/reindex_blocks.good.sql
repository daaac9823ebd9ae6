-- lamppost: no-transaction
reindex table concurrently birthday.people;
