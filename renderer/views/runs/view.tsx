import { type ReactNode } from 'react';
import { Loading } from '../../ui/controls.tsx';

export default function View(): ReactNode {
  return <Loading what="Loading …" />;
}
