//! azmin's library, token-only, for what is measured inside a process.

use std::error::Error;
use std::time::Instant;

use azmin::Credential;
use bench_task::{RESOURCE, Task, print_each, task};

fn main() -> Result<(), Box<dyn Error>> {
    match task()? {
        Task::Token => println!("{}", Credential::detect()?.token(RESOURCE)?.secret()),
        Task::Fresh(times) => {
            for _ in 0..times {
                Credential::detect()?.token(RESOURCE)?;
            }
        }
        Task::Cached(times) => {
            let credential = Credential::detect()?;
            credential.token(RESOURCE)?;
            let begun = Instant::now();
            for _ in 0..times {
                credential.token(RESOURCE)?;
            }
            print_each(begun, times);
        }
        Task::Arm => return Err("the command is measured for that".into()),
    }
    Ok(())
}
