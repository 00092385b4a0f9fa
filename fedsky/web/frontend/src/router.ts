/** Every address of the site; each page is a script of its own, fetched when it is first seen. */
import { createRouter, createWebHistory, type RouteRecordRaw } from 'vue-router'
import type { Role } from './types'

declare module 'vue-router' {
  interface RouteMeta {
    /** Key of the title in locale/shell. */
    title: string
    /** Least role; 'public' pages follow the site's setting, others are for anyone. */
    needs?: Role | 'public'
  }
}

export const routes: RouteRecordRaw[] = [
  { path: '/', redirect: '/home' },
  { path: '/home', component: () => import('./pages/Home.vue'), meta: { title: 'home', needs: 'public' } },
  { path: '/runs', component: () => import('./pages/Runs.vue'), meta: { title: 'runs', needs: 'public' } },
  { path: '/runs/:id', component: () => import('./pages/Run.vue'), meta: { title: 'run', needs: 'public' } },
  { path: '/compare', component: () => import('./pages/Compare.vue'), meta: { title: 'compare', needs: 'public' } },
  { path: '/predict', component: () => import('./pages/Predict.vue'), meta: { title: 'predict', needs: 'public' } },
  { path: '/launch', component: () => import('./pages/Launch.vue'), meta: { title: 'launch', needs: 'operator' } },
  { path: '/jobs', component: () => import('./pages/Jobs.vue'), meta: { title: 'jobs', needs: 'operator' } },
  { path: '/jobs/:id', component: () => import('./pages/Job.vue'), meta: { title: 'job', needs: 'operator' } },
  { path: '/login', component: () => import('./pages/Login.vue'), meta: { title: 'login' } },
  { path: '/register', component: () => import('./pages/Register.vue'), meta: { title: 'register' } },
  { path: '/profile', component: () => import('./pages/Profile.vue'), meta: { title: 'profile', needs: 'user' } },
  { path: '/about', component: () => import('./pages/About.vue'), meta: { title: 'about' } },
  { path: '/admin/users', component: () => import('./pages/admin/Users.vue'), meta: { title: 'users', needs: 'admin' } },
  { path: '/admin/queue', component: () => import('./pages/admin/Queue.vue'), meta: { title: 'queue', needs: 'admin' } },
  {
    path: '/admin/datasets',
    component: () => import('./pages/admin/Datasets.vue'),
    meta: { title: 'datasets', needs: 'admin' },
  },
  { path: '/admin/offers', component: () => import('./pages/admin/Offers.vue'), meta: { title: 'offers', needs: 'admin' } },
  { path: '/admin/audit', component: () => import('./pages/admin/Audit.vue'), meta: { title: 'audit', needs: 'admin' } },
  { path: '/:rest(.*)*', component: () => import('./pages/NotFound.vue'), meta: { title: 'notFound' } },
]

export const router = createRouter({
  history: createWebHistory('/'),
  routes,
  scrollBehavior: (to, from, saved) => saved ?? (to.path === from.path ? undefined : to.hash ? { el: to.hash } : { top: 0 }),
})
