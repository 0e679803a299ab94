// SPDX-License-Identifier: MIT OR Apache-2.0

use std::sync::{Arc, Mutex};

use upcall::{CdrError, Encoder, Local, ObjectRef};

use crate::generated::inside::{
    Cookie, Cookies, Holder, Kept, Refused, RemoteRef, Visitor, VisitorVisitError,
};

struct Here(Mutex<Local<dyn Cookie>>);

impl Visitor for Here {
    fn visit(&self, _: Option<ObjectRef>, name: &str, path: &[i32]) -> Result<(), VisitorVisitError> {
        if path.is_empty() {
            Err(Refused { why: name.into() }.into())
        } else {
            Ok(())
        }
    }
}

impl Holder for Here {
    fn cookie(&self) -> upcall::Result<Local<dyn Cookie>> {
        Ok(self.0.lock().unwrap().clone())
    }
    fn set_cookie(&self, value: Local<dyn Cookie>) -> upcall::Result<()> {
        *self.0.lock().unwrap() = value;
        Ok(())
    }
    fn merge(
        &self,
        other: Option<Local<dyn Holder>>,
        v: Option<Local<dyn Visitor>>,
    ) -> upcall::Result<(Option<Local<dyn Holder>>, Option<Local<dyn Visitor>>, Cookies)> {
        Ok((other, v, vec![self.cookie()?]))
    }
    fn remote(&self) -> upcall::Result<Option<RemoteRef>> {
        Ok(None)
    }
}

fn cookie(of: u32) -> Local<dyn Cookie> {
    Local::from(Arc::new(of) as Arc<dyn Cookie>)
}

#[test]
fn a_local_interface_is_a_trait_and_a_native_anything() {
    let here = Here(Mutex::new(cookie(1)));
    let two = cookie(2);
    here.set_cookie(two.clone()).unwrap();
    assert_eq!(here.cookie().unwrap(), two);
    let any: Arc<dyn std::any::Any + Send + Sync> = here.cookie().unwrap().into_inner();
    assert_eq!(any.downcast_ref::<u32>(), Some(&2));
    let refused = here.visit(None, "nowhere", &[]).unwrap_err();
    assert_eq!(
        refused,
        Refused {
            why: "nowhere".into()
        }
        .into()
    );
}

#[test]
fn what_holds_a_local_object_cannot_be_sent() {
    let holder = Local::from(Arc::new(Here(Mutex::new(cookie(1)))) as Arc<dyn Holder>);
    let kept = Kept {
        holder: Some(holder),
        visitors: vec![],
        cookie: cookie(3),
    };
    assert_eq!(kept.clone(), kept);
    let sent = upcall::rt::Marshal::marshal(&kept, &mut Encoder::native());
    assert_eq!(sent, Err(CdrError::LocalObject));
}
