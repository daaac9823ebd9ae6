-- A start that finds its databases as it left them need not ask each of them again.
create table local.prepared (
    database    text primary key,
    oid         oid  not null,
    fingerprint text not null
);
