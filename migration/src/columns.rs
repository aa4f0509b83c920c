//! The column shapes that every table uses, so that one fact has one form in the whole schema.

use sea_orm_migration::{prelude::*, sea_orm};

/// A UUIDv7, made by the program and never by the database.
pub(crate) fn id(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    column.uuid().not_null();
    column
}

/// The id of something that may not be there.
pub(crate) fn id_or_null(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    column.uuid().null();
    column
}

/// Yes or no.
pub(crate) fn flag(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    column.boolean().not_null();
    column
}

/// Yes, no, or as configured.
pub(crate) fn flag_or_null(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    column.boolean().null();
    column
}

/// A time in UTC with microseconds.
pub(crate) fn time(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    column.timestamp_with_time_zone().not_null();
    column
}

/// A time that may not have come yet.
pub(crate) fn time_or_null(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    column.timestamp_with_time_zone().null();
    column
}

/// A short name: a phase, a state, a key. Never a database enum type.
pub(crate) fn name(name: &'static str, length: u32) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    column.string_len(length).not_null();
    column
}

/// A short name that may be absent.
pub(crate) fn name_or_null(name: &'static str, length: u32) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    column.string_len(length).null();
    column
}

/// Prose of any length.
pub(crate) fn text(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    column.text().not_null();
    column
}

/// Prose that may be absent.
pub(crate) fn text_or_null(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    column.text().null();
    column
}

/// A document, kept as it was written: `json`, not `jsonb`, since nothing queries inside it and
/// the order of its members is the author's.
pub(crate) fn json(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    column.json().not_null();
    column
}

/// A document that may be absent.
pub(crate) fn json_or_null(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    column.json().null();
    column
}

/// A whole number of 32 bits.
pub(crate) fn integer(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    column.integer().not_null();
    column
}

/// A whole number of 64 bits.
pub(crate) fn big(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    column.big_integer().not_null();
    column
}

/// The foreign key of `table.column` to `target.id`.
pub(crate) fn reference(
    table: &'static str,
    column: &'static str,
    target: &'static str,
    on_delete: ForeignKeyAction,
) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .name(format!("fk_{table}_{column}"))
        .from(table, column)
        .to(target, "id")
        .on_delete(on_delete)
        .to_owned()
}

/// Makes the index `ix_table_columns`.
pub(crate) async fn index(
    manager: &SchemaManager<'_>,
    table: &'static str,
    columns: &[&'static str],
) -> Result<(), sea_orm::DbErr> {
    let mut index = Index::create();
    index.name(format!("ix_{table}_{}", columns.join("_"))).table(table);
    for column in columns {
        index.col(*column);
    }
    manager.create_index(index).await
}

/// Makes the index `ix_table_columns` of the rows of which this holds: the others cost it nothing.
pub(crate) async fn index_where(
    manager: &SchemaManager<'_>,
    table: &'static str,
    columns: &[&'static str],
    holds: &'static str,
) -> Result<(), sea_orm::DbErr> {
    let mut index = Index::create();
    index.name(format!("ix_{table}_{}", columns.join("_"))).table(table);
    for column in columns {
        index.col(*column);
    }
    index.and_where(Expr::cust(holds));
    manager.create_index(index).await
}

/// Drops the tables in the order given.
pub(crate) async fn drop(
    manager: &SchemaManager<'_>,
    tables: &'static [&'static str],
) -> Result<(), sea_orm::DbErr> {
    for table in tables {
        manager.drop_table(Table::drop().table(*table).to_owned()).await?;
    }
    Ok(())
}
