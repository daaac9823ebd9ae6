-- lamppost: no-transaction
vacuum full birthday.people;
