import { useRef } from "preact/hooks";

import { airline, type Booking } from "../api/airline.ts";
import { act } from "../api/client.ts";
import { Notice } from "./notice.tsx";
import { Submit } from "./submit.tsx";
import { useTask } from "./task.ts";

/** Cancels a booking, once the user has said so twice. */
export function CancelBooking({ number, onCancelled }: { number: string; onCancelled: (booking: Booking, traceId: string) => void }) {
  const question = useRef<HTMLDialogElement>(null);
  const task = useTask();

  async function cancel() {
    await act("cancel a booking", async (action) => {
      const booking = await airline.cancel(action, number);
      question.current?.close();
      onCancelled(booking, action.traceId);
    });
  }

  return (
    <div class="cancelling">
      <button type="button" onClick={() => question.current?.showModal()}>
        Cancel this booking
      </button>
      <dialog ref={question} aria-labelledby="cancel-question">
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void task.run(cancel);
          }}
        >
          <h2 id="cancel-question">Cancel this booking?</h2>
          <p>You give up the flight, and its miles are taken back. This cannot be undone.</p>
          <Notice failure={task.failure} safe="If the first try went through after all, the second finds the booking cancelled." />
          <p class="choice">
            <Submit busy={task.busy} during="Cancelling…">
              Yes, cancel it
            </Submit>
            <button type="button" autofocus onClick={() => question.current?.close()}>
              Keep it
            </button>
          </p>
        </form>
      </dialog>
    </div>
  );
}
