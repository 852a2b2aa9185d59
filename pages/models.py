import streamlit as st

st.write("models")
