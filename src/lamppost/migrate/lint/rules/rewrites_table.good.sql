-- lamppost: no-transaction
vacuum birthday.people;
