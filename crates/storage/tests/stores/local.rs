//! The stores without a server.

use std::sync::Arc;

use tepui_storage::{EmbeddedStorage, Fence, MemoryStorage, Storage};

use crate::contract;

#[tokio::test]
async fn the_memory_store_keeps_the_contract() {
    let memory = MemoryStorage::new("m");
    memory.begin_term_now(&Fence::Alone).unwrap();
    let storage: Arc<dyn Storage> = Arc::new(memory);
    contract::check(&storage).await;
    contract::admissions("memory", &storage, contract::how_many()).await;
}

#[tokio::test]
async fn the_embedded_store_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let storage: Arc<dyn Storage> =
        Arc::new(EmbeddedStorage::open(&folder.path().join("registry.redb")).unwrap());
    storage.begin_term(Fence::Alone).await.unwrap();
    contract::check(&storage).await;
    contract::admissions("embedded", &storage, contract::how_many()).await;
}
