-- lamppost: job birthday.people by id
update birthday.people set greeted = false where id between $1 and $2 and greeted is null;
