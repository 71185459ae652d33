/** An expected failure: a stable code and one sentence that says what, where and what to do next. */
export type Failure = Readonly<{ ok: false; code: string; message: string }>;
export type Success<Value> = Readonly<{ ok: true; value: Value }>;
export type Result<Value> = Success<Value> | Failure;

export function success<Value>(value: Value): Success<Value> {
  return { ok: true, value };
}

export function failure(code: string, message: string): Failure {
  return { ok: false, code, message };
}
