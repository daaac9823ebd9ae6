reindex table birthday.people;
