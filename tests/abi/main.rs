#[test]
fn x() {
    println!("{}", env!("APILINK_GENERATED_HEADER"));
}
