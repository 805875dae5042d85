import { type ReactNode } from 'react';
import { Dialog } from '../../ui/dialog.tsx';
import css from './widget.module.css';

/** Apdex for whoever hears of it for the first time. */
export function Explained({ open, onClose }: { readonly open: boolean; readonly onClose: () => void }): ReactNode {
  return (
    <Dialog
      open={open}
      onClose={onClose}
      title="What is Apdex?"
      about="One number from 0 to 1 for how content users are with how fast a service answers."
    >
      <div className={css['explained']}>
        <p>
          Each probe has a time T, within which an answer feels right. Every answer of the last seconds goes into one of
          three classes:
        </p>
        <ul>
          <li>
            <strong>satisfied</strong>: it came within T;
          </li>
          <li>
            <strong>tolerating</strong>: it came within four times T, so the user noticed the wait;
          </li>
          <li>
            <strong>frustrated</strong>: it took longer, or it failed.
          </li>
        </ul>
        <p>
          The score is the satisfied, plus half of the tolerating, divided by all. 60 satisfied, 30 tolerating and 10
          frustrated of 100 give (60 + 15) / 100 = 0.75.
        </p>
        <table>
          <caption className="visually-hidden">Ratings</caption>
          <tbody>
            <tr>
              <th scope="row">0.94 to 1.00</th>
              <td>Excellent</td>
            </tr>
            <tr>
              <th scope="row">0.85 to 0.93</th>
              <td>Good</td>
            </tr>
            <tr>
              <th scope="row">0.70 to 0.84</th>
              <td>Fair</td>
            </tr>
            <tr>
              <th scope="row">0.50 to 0.69</th>
              <td>Poor</td>
            </tr>
            <tr>
              <th scope="row">below 0.50</th>
              <td>Unacceptable</td>
            </tr>
          </tbody>
        </table>
        <p>
          <strong>Moving</strong> is the same score smoothed: each new one counts a little, so that one slow second does
          not shake it.
        </p>
        <p>
          <strong>p50, p95, p99</strong>: half of the answers, 95 and 99 of a hundred, came at least this fast.
        </p>
      </div>
    </Dialog>
  );
}
