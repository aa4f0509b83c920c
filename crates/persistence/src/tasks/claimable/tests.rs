//! What the databases walk for a claim.

use super::*;
use crate::plans::{Place, plan, seed};

const INDEX: &str = "ix_tasks_agent_type_priority_rank_created_at_id";

#[tokio::test]
async fn a_claim_walks_its_index_in_order_and_reads_no_table() {
    let place = Place::new("claim").await;
    let db = place.open().await;
    seed(&db).await;
    let capabilities = [Capability::parse("rust").unwrap()];
    let wanted = Claimable {
        agent_id: Uuid::nil(),
        agent_type: AgentType::Worker,
        phase_id: None,
        capabilities: &capabilities,
        gates: false,
        templates: false,
        now: DateTime::UNIX_EPOCH,
    };
    assert_eq!(claimable(db.reader(), &wanted, 3).await.unwrap().len(), 3);

    let backend = db.reader().backend();
    let mut claim = values(&wanted).unwrap();
    claim.push(wanted.now.into());
    let mut queries = vec![looking(backend, &wanted, 1).unwrap()];
    let most = match backend {
        Backend::Sqlite => {
            queries.push(best(&wanted).unwrap());
            claim.push(3_i64.into());
            "$9"
        }
        Backend::Postgres => {
            claim.push("{}".into());
            "1"
        }
    };
    queries.push(Query::written(backend, &claiming(backend, most), claim));
    for query in queries {
        let plan = plan(&db, &query).await;
        assert!(plan.contains(INDEX), "{plan}");
        for waste in
            ["Sort", "TEMP B-TREE", "Seq Scan", "BLOOM FILTER ON", "SCAN t", "SCAN k", "SCAN e"]
        {
            assert!(!plan.contains(waste), "{waste} in\n{plan}");
        }
    }
    db.close().await.unwrap();
    place.gone().await;
}
